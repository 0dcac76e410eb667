package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The last bid of each bidder on each auction; a row for each bid that is not older than the last one so far. */
final class Query18 {
    private Query18() {}

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> Tuple2.of(bid.bidder, bid.auction), Types.TUPLE(Types.LONG, Types.LONG))
                .process(new KeepLast())
                .sinkTo(new DigestSink<>(Query18::mix));
    }

    private static int mix(Bid bid) {
        int hash = mixInteger(ROW_START, bid.auction);
        hash = mixInteger(hash, bid.bidder);
        hash = mixInteger(hash, bid.price);
        hash = mixString(hash, bid.channel);
        hash = mixString(hash, bid.url);
        hash = mixInteger(hash, bid.dateTime);
        return mixString(hash, bid.extra);
    }

    private static final class KeepLast extends KeyedProcessFunction<Tuple2<Long, Long>, Bid, Bid> {
        private static final long serialVersionUID = 1;

        // The time is enough: a row that was emitted is never taken back.
        private transient ValueState<Long> lastTime;

        @Override
        public void open(OpenContext context) {
            lastTime = getRuntimeContext().getState(new ValueStateDescriptor<>("last-time", Types.LONG));
        }

        @Override
        public void processElement(Bid bid, Context context, Collector<Bid> out) throws Exception {
            Long last = lastTime.value();
            if (last == null || bid.dateTime >= last) {
                lastTime.update(bid.dateTime);
                out.collect(bid);
            }
        }
    }
}
