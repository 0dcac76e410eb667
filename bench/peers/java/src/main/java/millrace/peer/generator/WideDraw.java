package millrace.peer.generator;

/** Draws for the fields of wide records. */
public final class WideDraw {
    /** As many bits as a place in a pool has. */
    private static final int TEXT_SHIFT = 22;

    private final NexmarkGenerator nexmark;
    private final long keys;

    public WideDraw(NexmarkOptions options, long keys) {
        nexmark = new NexmarkGenerator(options);
        this.keys = keys;
    }

    public int hashOf(long index) {
        return nexmark.hashOf(index);
    }

    public long key(int hash) {
        return IntegerHash.pick32(IntegerHash.mix32(hash), keys);
    }

    public String text(int draw) {
        return nexmark.pools.itemNames[draw >>> TEXT_SHIFT];
    }
}
