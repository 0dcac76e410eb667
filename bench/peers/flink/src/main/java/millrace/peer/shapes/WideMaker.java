package millrace.peer.shapes;

import millrace.peer.generator.NexmarkOptions;
import millrace.peer.generator.WideDraw;
import millrace.peer.source.RecordMaker;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;

/** Wide records of one class. */
public final class WideMaker<W extends WideRecord> implements RecordMaker<W> {
    private static final long serialVersionUID = 1;

    /** Makes an empty record; a constructor of the class. */
    @FunctionalInterface
    public interface Empty<W> extends java.io.Serializable {
        W make();
    }

    private final NexmarkOptions options;
    private final long keys;
    private final Class<W> type;
    private final Empty<W> empty;
    private transient WideDraw draw;
    private transient WideValues values;

    public WideMaker(NexmarkOptions options, long keys, Class<W> type, Empty<W> empty) {
        this.options = options;
        this.keys = keys;
        this.type = type;
        this.empty = empty;
    }

    @Override
    public void open() {
        draw = new WideDraw(options, keys);
        values = new WideValues(draw);
    }

    @Override
    public W make(long index) {
        W record = empty.make();
        record.fill(values, draw.hashOf(index));
        return record;
    }

    @Override
    public TypeInformation<W> type() {
        return Types.POJO(type);
    }
}
