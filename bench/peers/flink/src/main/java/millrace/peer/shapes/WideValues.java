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

    long integer(int hash, int field) {
        return WideDraw.draw(hash, field) >>> 1;
    }

    String text(int hash, int field) {
        return draw.text(WideDraw.draw(hash, field));
    }

    double amount(int hash, int field) {
        return (WideDraw.draw(hash, field) >>> 8) / 4.0;
    }
}
