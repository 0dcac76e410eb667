package millrace.peer.generator;

/** Randomness by 32-bit integers only: the counterpart of {@code integer-hash.ts}. */
final class IntegerHash {
    private IntegerHash() {}

    static int mix32(int value) {
        int h = (value ^ (value >>> 16)) * 0x21f0aaad;
        h = (h ^ (h >>> 15)) * 0x735a2d97;
        return h ^ (h >>> 15);
    }

    static int hashIndex(long index, int seedHash) {
        return mix32((int) index + (int) (index >>> 32) * 0x9e3779b1 + seedHash);
    }

    static int pick16(int hash, int count) {
        return ((hash >>> 16) * count) >>> 16;
    }

    static long pick32(int hash, long count) {
        return ((hash & 0xffffffffL) * count) >>> 32;
    }

    /** {@code one} where all bits of {@code mask} are set, {@code other} where none is. */
    static long chosen(int mask, long one, long other) {
        return other ^ ((one ^ other) & mask);
    }
}
