package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.mixInteger;

/** What queries 15 and 16 count: bids, distinct bidders and distinct auctions. */
public class BidStatistics {
    public RankCounts bids = new RankCounts();
    public RankCounts bidders = new RankCounts();
    public RankCounts auctions = new RankCounts();
    /** Latest minute of the day; query 16 shows it. */
    public int minute;

    BidStatistics copy() {
        BidStatistics copy = new BidStatistics();
        copy.bids = bids.copy();
        copy.bidders = bidders.copy();
        copy.auctions = auctions.copy();
        copy.minute = minute;
        return copy;
    }

    int mix(int hash) {
        return mix(mix(mix(hash, bids), bidders), auctions);
    }

    private static int mix(int hash, RankCounts counts) {
        int mixed = mixInteger(hash, counts.total);
        mixed = mixInteger(mixed, counts.rank1);
        mixed = mixInteger(mixed, counts.rank2);
        return mixInteger(mixed, counts.rank3);
    }
}
