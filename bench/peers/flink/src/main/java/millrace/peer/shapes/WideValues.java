package millrace.peer.shapes;

import millrace.peer.generator.WideDraw;

/** The values of fields: integers, strings and doubles in turns. The counterpart of {@code wide-generator.ts}. */
public final class WideValues {
    private final WideDraw draw;

    WideValues(WideDraw draw) {
        this.draw = draw;
    }

    long key(int hash) {
        return draw.key(hash);
    }

    long integer(int drawn) {
        return drawn >>> 1;
    }

    String text(int drawn) {
        return draw.text(drawn);
    }

    double amount(int drawn) {
        return (drawn >>> 8) / 4.0;
    }
}
