package millrace.peer.generator;

import millrace.peer.model.Change;

/** Changes of accounts, of every key once and then of keys by chance: the counterpart of {@code change-generator.ts}. */
public final class ChangeGenerator {
    private static final long SPREAD = 1_000_003;
    private static final long AMOUNTS = 100_000;
    private static final int DRAW_KEY = 0x6a09e667;
    private static final int DRAW_RANGE = 0x1f83d9ab;
    private static final int DRAW_AMOUNT = 0x3c6ef372;

    private final int seedHash;
    private final long keys;
    private final ZipfRanks ranks;

    /** {@code skew} is the exponent of Zipf's law, or 0 where each key is as likely as the others. */
    public ChangeGenerator(int seed, long keys, double skew) {
        if (keys % SPREAD == 0) {
            throw new IllegalArgumentException("keys must not be a multiple of " + SPREAD + ", " + keys + " is one");
        }
        this.keys = keys;
        seedHash = IntegerHash.mix32(seed);
        ranks = skew == 0 ? null : new ZipfRanks(keys, skew);
    }

    public Change changeAt(long index) {
        int hash = IntegerHash.hashIndex(index, seedHash);
        Change change = new Change();
        change.key = rankAt(index, hash) * SPREAD % keys;
        change.amount = 1 + IntegerHash.pick32(IntegerHash.mix32(hash ^ DRAW_AMOUNT), AMOUNTS);
        return change;
    }

    private long rankAt(long index, int hash) {
        if (index < keys) {
            return index;
        }
        int within = IntegerHash.mix32(hash ^ DRAW_KEY);
        return ranks == null
                ? IntegerHash.pick32(within, keys)
                : ranks.rankOf(IntegerHash.mix32(hash ^ DRAW_RANGE), within);
    }
}
