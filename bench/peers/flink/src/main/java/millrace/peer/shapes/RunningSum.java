package millrace.peer.shapes;

import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The sum of an auction's prices after each bid. */
final class RunningSum extends KeyedProcessFunction<Long, Bid, RunningSum.Total> {
    private static final long serialVersionUID = 1;

    public static class Total {
        public long auction;
        public long total;
    }

    private transient ValueState<Long> sum;

    @Override
    public void open(OpenContext context) {
        sum = getRuntimeContext().getState(new ValueStateDescriptor<>("sum", Types.LONG));
    }

    @Override
    public void processElement(Bid bid, Context context, Collector<Total> out) throws Exception {
        Long before = sum.value();
        Total row = new Total();
        row.auction = bid.auction;
        row.total = (before == null ? 0 : before) + bid.price;
        sum.update(row.total);
        out.collect(row);
    }
}
