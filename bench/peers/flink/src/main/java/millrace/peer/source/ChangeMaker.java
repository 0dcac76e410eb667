package millrace.peer.source;

import millrace.peer.generator.ChangeGenerator;
import millrace.peer.model.Change;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;

/** Changes of accounts as POJOs. */
public final class ChangeMaker implements RecordMaker<Change> {
    private static final long serialVersionUID = 1;

    private final int seed;
    private final long keys;
    private final double skew;
    private transient ChangeGenerator generator;

    public ChangeMaker(int seed, long keys, double skew) {
        this.seed = seed;
        this.keys = keys;
        this.skew = skew;
    }

    @Override
    public void open() {
        generator = new ChangeGenerator(seed, keys, skew);
    }

    @Override
    public Change make(long index) {
        return generator.changeAt(index);
    }

    @Override
    public TypeInformation<Change> type() {
        return Types.POJO(Change.class);
    }
}
