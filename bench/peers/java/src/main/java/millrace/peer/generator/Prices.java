package millrace.peer.generator;

/** Prices in cents: the counterpart of {@code price.ts}. */
final class Prices {
    private static final int STEPS_PER_DECADE = 64;
    private static final int DECADES = 6;

    private static final int[] MANTISSAS = {
        10000000, 10366329, 10746078, 11139739, 11547820, 11970850, 12409378, 12863969, 13335214, 13823722, 14330126,
        14855080, 15399265, 15963385, 16548171, 17154379, 17782794, 18434230, 19109530, 19809568, 20535250, 21287517,
        22067341, 22875732, 23713737, 24582441, 25482967, 26416483, 27384196, 28387360, 29427272, 30505279, 31622777,
        32781212, 33982083, 35226947, 36517413, 37855152, 39241898, 40679443, 42169650, 43714448, 45315836, 46975888,
        48696753, 50480657, 52329911, 54246909, 56234133, 58294153, 60429639, 62643354, 64938163, 67317038, 69783058,
        72339416, 74989421, 77736503, 80584219, 83536255, 86596432, 89768713, 93057204, 96466162, 100000000,
    };

    private static final double[] FROM = new double[DECADES * STEPS_PER_DECADE];
    private static final double[] RISE = new double[DECADES * STEPS_PER_DECADE];
    private static final double[] UNIT = new double[DECADES * STEPS_PER_DECADE];

    static {
        for (int step = 0; step < FROM.length; step++) {
            int from = MANTISSAS[step % STEPS_PER_DECADE];
            FROM[step] = from + 0.5;
            RISE[step] = (MANTISSAS[step % STEPS_PER_DECADE + 1] - from) / 65_536.0;
            UNIT[step] = 1 / Math.pow(10, DECADES - 1 - step / STEPS_PER_DECADE);
        }
    }

    private Prices() {}

    static long priceOf(int hash) {
        int step = IntegerHash.pick16(hash, DECADES * STEPS_PER_DECADE);
        int rise = (int) ((hash & 0xffff) * RISE[step]);
        return (int) ((FROM[step] + rise) * UNIT[step]);
    }
}
