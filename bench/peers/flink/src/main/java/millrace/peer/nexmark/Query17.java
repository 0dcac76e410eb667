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

/** Bids and prices of an auction and day; a row for each bid. */
final class Query17 {
    private Query17() {}

    public static class AuctionStatistics {
        public long auction;
        public String day;
        public RankCounts bids;
        public long minPrice;
        public long maxPrice;
        public long averagePrice;
        public long sumPrice;
    }

    public static class Prices {
        public RankCounts bids = new RankCounts();
        public long min = Long.MAX_VALUE;
        public long max = Long.MIN_VALUE;
        public long sum;
    }

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> Tuple2.of(bid.auction, Days.dayOf(bid.dateTime)), Types.TUPLE(Types.LONG, Types.LONG))
                .process(new Update())
                .sinkTo(new DigestSink<>(Query17::mix));
    }

    private static int mix(AuctionStatistics row) {
        int hash = mixInteger(ROW_START, row.auction);
        hash = mixString(hash, row.day);
        hash = mixInteger(hash, row.bids.total);
        hash = mixInteger(hash, row.bids.rank1);
        hash = mixInteger(hash, row.bids.rank2);
        hash = mixInteger(hash, row.bids.rank3);
        hash = mixInteger(hash, row.minPrice);
        hash = mixInteger(hash, row.maxPrice);
        hash = mixInteger(hash, row.averagePrice);
        return mixInteger(hash, row.sumPrice);
    }

    private static final class Update extends KeyedProcessFunction<Tuple2<Long, Long>, Bid, AuctionStatistics> {
        private static final long serialVersionUID = 1;

        private final Days days = new Days();
        private transient ValueState<Prices> state;

        @Override
        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("prices", Types.POJO(Prices.class)));
        }

        @Override
        public void processElement(Bid bid, Context context, Collector<AuctionStatistics> out) throws Exception {
            Prices prices = state.value();
            if (prices == null) {
                prices = new Prices();
            }
            prices.bids.total++;
            prices.bids.addToRank(RankCounts.rankOf(bid.price));
            prices.min = Math.min(prices.min, bid.price);
            prices.max = Math.max(prices.max, bid.price);
            prices.sum += bid.price;
            state.update(prices);

            AuctionStatistics row = new AuctionStatistics();
            row.auction = bid.auction;
            row.day = days.dayText(context.getCurrentKey().f1);
            row.bids = prices.bids.copy();
            row.minPrice = prices.min;
            row.maxPrice = prices.max;
            row.averagePrice = prices.sum / prices.bids.total;
            row.sumPrice = prices.sum;
            out.collect(row);
        }
    }
}
