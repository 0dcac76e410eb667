package millrace.peer.nexmark;

import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;

/** The state of queries 15 and 16 for a key: the counts, and of each bidder and auction the ranks in which it was seen. */
final class BidStatisticsState {
    private final ValueState<BidStatistics> statistics;
    private final MapState<Long, Integer> ranksOfBidders;
    private final MapState<Long, Integer> ranksOfAuctions;

    BidStatisticsState(RuntimeContext context) {
        statistics = context.getState(new ValueStateDescriptor<>("statistics", Types.POJO(BidStatistics.class)));
        ranksOfBidders = context.getMapState(new MapStateDescriptor<>("bidders", Types.LONG, Types.INT));
        ranksOfAuctions = context.getMapState(new MapStateDescriptor<>("auctions", Types.LONG, Types.INT));
    }

    /** The counts with the bid. They are the state's own: copy what is handed on. */
    BidStatistics add(Bid bid) throws Exception {
        BidStatistics counts = statistics.value();
        if (counts == null) {
            counts = new BidStatistics();
        }
        int rank = RankCounts.rankOf(bid.price);
        counts.bids.total++;
        counts.bids.addToRank(rank);
        countDistinct(ranksOfBidders, bid.bidder, rank, counts.bidders);
        countDistinct(ranksOfAuctions, bid.auction, rank, counts.auctions);
        counts.minute = Math.max(counts.minute, Days.minuteOf(bid.dateTime));
        statistics.update(counts);
        return counts;
    }

    private static void countDistinct(MapState<Long, Integer> ranks, long id, int rank, RankCounts counts)
            throws Exception {
        Integer seen = ranks.get(id);
        int bit = 1 << rank;
        if (seen == null) {
            counts.total++;
        } else if ((seen & bit) != 0) {
            return;
        }
        counts.addToRank(rank);
        ranks.put(id, seen == null ? bit : seen | bit);
    }
}
