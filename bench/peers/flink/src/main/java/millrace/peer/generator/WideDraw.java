package millrace.peer.generator;

/** Draws for the fields of wide records. */
public final class WideDraw {
    private static final int FIELD_STEP = 0x9e3779b9;

    private final NexmarkGenerator nexmark;
    private final long keys;

    public WideDraw(NexmarkOptions options, long keys) {
        nexmark = new NexmarkGenerator(options);
        this.keys = keys;
    }

    public int hashOf(long index) {
        return nexmark.hashOf(index);
    }

    public static int draw(int hash, int field) {
        return IntegerHash.mix32(hash + field * FIELD_STEP);
    }

    public long key(int hash) {
        return IntegerHash.pick32(draw(hash, 0), keys);
    }

    public String text(int draw) {
        return nexmark.pools.itemNames[draw & (TextPools.POOL_LENGTH - 1)];
    }
}
