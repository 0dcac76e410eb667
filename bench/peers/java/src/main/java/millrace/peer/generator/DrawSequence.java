package millrace.peer.generator;

/** A sequence of draws, for what is prepared once (xorshift). */
final class DrawSequence {
    private int state;

    DrawSequence(int seed) {
        state = seed;
    }

    int below(int count) {
        int x = state;
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        state = x;
        return (x >>> 1) % count;
    }
}
