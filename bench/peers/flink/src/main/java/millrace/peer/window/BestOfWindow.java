package millrace.peer.window;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The largest counts of each window, all of them when several are equal. Keyed by the window's end. */
public final class BestOfWindow extends KeyedProcessFunction<Long, KeyCount, KeyCount> {
    private static final long serialVersionUID = 1;

    private transient ValueState<Long> bestCount;
    private transient ListState<KeyCount> best;

    @Override
    public void open(OpenContext context) {
        bestCount = getRuntimeContext().getState(new ValueStateDescriptor<>("best-count", Types.LONG));
        best = getRuntimeContext().getListState(new ListStateDescriptor<>("best", Types.POJO(KeyCount.class)));
    }

    @Override
    public void processElement(KeyCount row, Context context, Collector<KeyCount> out) throws Exception {
        Long count = bestCount.value();
        if (count == null) {
            context.timerService().registerEventTimeTimer(row.windowEnd);
        }
        if (count == null || row.count > count) {
            bestCount.update(row.count);
            best.clear();
            best.add(row);
        } else if (row.count == count) {
            best.add(row);
        }
    }

    @Override
    public void onTimer(long timestamp, OnTimerContext context, Collector<KeyCount> out) throws Exception {
        for (KeyCount row : best.get()) {
            out.collect(row);
        }
        best.clear();
        bestCount.clear();
    }
}
