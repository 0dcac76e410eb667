package millrace.peer.nexmark;

/** How many there are in all, and by three levels of price. */
public class RankCounts {
    public long total;
    public long rank1;
    public long rank2;
    public long rank3;

    /** 1, 2 or 3. */
    static int rankOf(long price) {
        return price < 10_000 ? 1 : price < 1_000_000 ? 2 : 3;
    }

    void addToRank(int rank) {
        switch (rank) {
            case 1 -> rank1++;
            case 2 -> rank2++;
            default -> rank3++;
        }
    }

    RankCounts copy() {
        RankCounts copy = new RankCounts();
        copy.total = total;
        copy.rank1 = rank1;
        copy.rank2 = rank2;
        copy.rank3 = rank3;
        return copy;
    }
}
