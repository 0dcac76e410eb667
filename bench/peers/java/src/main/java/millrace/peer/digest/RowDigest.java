package millrace.peer.digest;

/** A digest of a multiset of rows: the counterpart of {@code bench/digest/row-digest.ts}, which defines it. */
public final class RowDigest {
    public static final int ROW_START = 0x2f0b4a27;

    private static final int NULL_UNITS = 0x6e756c6c;
    private static final int DIGITS = 10;
    private static final double DIGITS_MIN = 1e9;
    private static final double DIGITS_MAX = 1e10;
    private static final double[] POWERS = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    };

    public long rows;
    public int sumA;
    public int sumB;

    public static int mixInteger(int hash, long value) {
        return mixInt32(mixInt32(hash, (int) value), (int) (value >> 32));
    }

    public static int mixBoolean(int hash, boolean value) {
        return mixInt32(hash, value ? 1 : 0);
    }

    public static int mixNull(int hash) {
        return mixInt32(hash, NULL_UNITS);
    }

    public static int mixString(int hash, String value) {
        int length = value.length();
        if (length == 0) {
            return mixInt32(hash, 0);
        }
        return mixString(hash, length, value.charAt(0), value.charAt(length >>> 1), value.charAt(length - 1));
    }

    /** A string that is not empty by what the digest looks at, for strings in another form. */
    public static int mixString(int hash, int length, int first, int middle, int last) {
        return mixInt32(mixInt32(mixInt32(hash, length), first | (middle << 16)), last);
    }

    public static int mixDouble(int hash, double value) {
        if (value == 0) {
            return mixInt32(hash, 0);
        }
        double magnitude = Math.abs(value);
        if (!(magnitude >= 1e-12 && magnitude < 1e22)) {
            throw new IllegalArgumentException("No digest is defined for the double " + value);
        }
        int exponent = 0;
        double scaled = magnitude;
        if (magnitude < DIGITS_MIN) {
            while (scaled < DIGITS_MIN) {
                scaled = magnitude * POWERS[++exponent];
            }
        } else {
            while (scaled >= DIGITS_MAX) {
                scaled = magnitude / POWERS[-(--exponent)];
            }
        }
        double digits = Math.floor(scaled + 0.5);
        if (digits >= DIGITS_MAX) {
            digits = DIGITS_MIN;
            exponent--;
        }
        return mixInteger(mixInt32(hash, (value < 0 ? -1 : 1) * (exponent + DIGITS * 10)), (long) digits);
    }

    private static int mixInt32(int hash, int value) {
        int units = value * 0xcc9e2d51;
        units = (units << 15) | (units >>> 17);
        int mixed = hash ^ units * 0x1b873593;
        return ((mixed << 13) | (mixed >>> 19)) * 5 + 0xe6546b64;
    }

    public void add(int hash) {
        rows++;
        sumA += finishA(hash);
        sumB += finishB(hash);
    }

    public void addAll(RowDigest other) {
        rows += other.rows;
        sumA += other.sumA;
        sumB += other.sumB;
    }

    private static int finishA(int hash) {
        int h = (hash ^ (hash >>> 16)) * 0x85ebca6b;
        h = (h ^ (h >>> 13)) * 0xc2b2ae35;
        return h ^ (h >>> 16);
    }

    private static int finishB(int hash) {
        int h = (hash ^ (hash >>> 16)) * 0x21f0aaad;
        h = (h ^ (h >>> 15)) * 0x735a2d97;
        return h ^ (h >>> 15);
    }

    @Override
    public String toString() {
        return String.format("%08x%08x", sumA, sumB);
    }
}
