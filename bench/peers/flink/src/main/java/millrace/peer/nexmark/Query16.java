package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Bids, distinct bidders and distinct auctions of a channel and day by level of price; a row for each bid. */
final class Query16 {
    private Query16() {}

    public static class ChannelStatistics {
        public String channel;
        public String day;
        public String minute;
        public BidStatistics statistics;
    }

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> Tuple2.of(bid.channel, Days.dayOf(bid.dateTime)), Types.TUPLE(Types.STRING, Types.LONG))
                .process(new Update())
                .sinkTo(new DigestSink<>(Query16::mix));
    }

    private static int mix(ChannelStatistics row) {
        int hash = mixString(ROW_START, row.channel);
        hash = mixString(hash, row.day);
        hash = mixString(hash, row.minute);
        return row.statistics.mix(hash);
    }

    private static final class Update extends KeyedProcessFunction<Tuple2<String, Long>, Bid, ChannelStatistics> {
        private static final long serialVersionUID = 1;

        private final Days days = new Days();
        private transient BidStatisticsState state;

        @Override
        public void open(OpenContext context) {
            state = new BidStatisticsState(getRuntimeContext());
        }

        @Override
        public void processElement(Bid bid, Context context, Collector<ChannelStatistics> out) throws Exception {
            ChannelStatistics row = new ChannelStatistics();
            row.channel = bid.channel;
            row.day = days.dayText(context.getCurrentKey().f1);
            row.statistics = state.add(bid).copy();
            row.minute = Days.minuteText(row.statistics.minute);
            out.collect(row);
        }
    }
}
