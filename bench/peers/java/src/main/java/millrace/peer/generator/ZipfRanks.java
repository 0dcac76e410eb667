package millrace.peer.generator;

/** Draws of ranks by Zipf's law: the counterpart of {@code zipf-ranks.ts}, which describes it. */
final class ZipfRanks {
    private static final long SINGLE_RANKS = 256;
    private static final long RANGE_SHARE = 64;
    private static final double DRAWS = 4_294_967_296.0;

    /** The first rank of each range, and behind them the number of all. */
    private final long[] firsts;
    /** Draws below it are of this range or one before. */
    private final long[] ends;

    ZipfRanks(long count, double exponent) {
        int ranges = 0;
        for (long first = 0; first < count; first += widthAt(first, count)) {
            ranges++;
        }
        firsts = new long[ranges + 1];
        double[] weights = new double[ranges];
        double total = 0;
        long next = 0;
        for (int range = 0; range < ranges; range++) {
            long width = widthAt(next, count);
            firsts[range] = next;
            weights[range] = width * Math.pow(next + (width + 1) / 2.0, -exponent);
            total += weights[range];
            next += width;
        }
        firsts[ranges] = count;
        ends = new long[ranges];
        double sum = 0;
        for (int range = 0; range < ranges; range++) {
            sum += weights[range];
            ends[range] = (long) Math.floor(sum / total * DRAWS);
        }
        ends[ranges - 1] = (long) DRAWS;
    }

    long rankOf(int draw, int within) {
        long unsigned = draw & 0xffffffffL;
        int low = 0;
        int high = ends.length - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (unsigned < ends[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return firsts[low] + IntegerHash.pick32(within, firsts[low + 1] - firsts[low]);
    }

    private static long widthAt(long first, long count) {
        return Math.min(count - first, first < SINGLE_RANKS ? 1 : first / RANGE_SHARE);
    }
}
