package millrace.peer;

import millrace.peer.shapes.Shapes;
import millrace.peer.source.BidMaker;
import millrace.peer.source.EventMaker;
import millrace.peer.source.RecordMaker;
import millrace.peer.sql.BidRowMaker;
import millrace.peer.sql.EventRowMaker;

/** Makes the records of a job and drops them, so that the generator's share of a job can be told. */
final class GeneratorAlone {
    private static final int KEPT = 1_024;

    private GeneratorAlone() {}

    static void run(Arguments arguments) {
        RecordMaker<?> maker = makerOf(arguments);
        maker.open();
        Measurement.markSetup();
        // Kept for a while, as a job would: otherwise the compiler could leave the objects out.
        Object[] kept = new Object[KEPT];
        long events = arguments.events();
        for (long index = 0; index < events; index++) {
            kept[(int) index & (KEPT - 1)] = maker.make(index);
        }
    }

    private static RecordMaker<?> makerOf(Arguments arguments) {
        String shape = arguments.text("shape", null);
        if (shape == null) {
            return arguments.isSql()
                    ? new EventRowMaker(arguments.nexmark(), null)
                    : new EventMaker(arguments.nexmark());
        }
        if (shape.equals("wide")) {
            return Shapes.wideMaker(arguments);
        }
        if (shape.equals("large-state")) {
            return Shapes.changeMaker(arguments);
        }
        return arguments.isSql()
                ? new BidRowMaker(arguments.nexmark(), arguments.keys(), null)
                : new BidMaker(arguments.nexmark(), arguments.keys());
    }
}
