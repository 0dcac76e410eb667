package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Bids, distinct bidders and distinct auctions of a day by level of price; a row for each bid. */
final class Query15 {
    private Query15() {}

    /** Public as all row types: Flink takes only public classes as POJOs. */
    public static class DayStatistics {
        public String day;
        public BidStatistics statistics;
    }

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> Days.dayOf(bid.dateTime))
                .process(new Update())
                .sinkTo(new DigestSink<>(row -> row.statistics.mix(mixString(ROW_START, row.day))));
    }

    private static final class Update extends KeyedProcessFunction<Long, Bid, DayStatistics> {
        private static final long serialVersionUID = 1;

        private final Days days = new Days();
        private transient BidStatisticsState state;

        @Override
        public void open(OpenContext context) {
            state = new BidStatisticsState(getRuntimeContext());
        }

        @Override
        public void processElement(Bid bid, Context context, Collector<DayStatistics> out) throws Exception {
            DayStatistics row = new DayStatistics();
            row.day = days.dayText(context.getCurrentKey());
            row.statistics = state.add(bid).copy();
            out.collect(row);
        }
    }
}
