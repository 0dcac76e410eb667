package millrace.peer.jet;

import com.hazelcast.jet.core.AbstractProcessor;
import com.hazelcast.jet.core.ProcessorMetaSupplier;
import com.hazelcast.jet.pipeline.Sink;
import com.hazelcast.jet.pipeline.Sinks;
import millrace.peer.digest.DigestTotals;
import millrace.peer.digest.RowDigest;
import millrace.peer.digest.RowMixer;

/** Keeps nothing of the rows but their digest, which it adds to {@link DigestTotals} at the end. Cooperative. */
final class DigestSink<T> extends AbstractProcessor {
    private final RowMixer<T> mixer;
    private final RowDigest digest = new RowDigest();

    private DigestSink(RowMixer<T> mixer) {
        this.mixer = mixer;
    }

    static <T> Sink<T> of(RowMixer<T> mixer) {
        return Sinks.fromProcessor("digest", ProcessorMetaSupplier.of(() -> new DigestSink<>(mixer)));
    }

    @Override
    @SuppressWarnings("unchecked")
    protected boolean tryProcess(int ordinal, Object row) {
        digest.add(mixer.mix((T) row));
        return true;
    }

    @Override
    public void close() {
        DigestTotals.add(digest);
    }
}
