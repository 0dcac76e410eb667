package millrace.peer.digest;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Keeps nothing of the rows but their digest, which it adds to {@link DigestTotals} at the end. */
public final class DigestSink<T> implements Sink<T> {
    private static final long serialVersionUID = 1;

    private final RowMixer<T> mixer;

    public DigestSink(RowMixer<T> mixer) {
        this.mixer = mixer;
    }

    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) {
        return new Writer<>(mixer);
    }

    private static final class Writer<T> implements SinkWriter<T> {
        private final RowMixer<T> mixer;
        private final RowDigest digest = new RowDigest();

        Writer(RowMixer<T> mixer) {
            this.mixer = mixer;
        }

        @Override
        public void write(T row, Context context) {
            digest.add(mixer.mix(row));
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {
            DigestTotals.add(digest);
        }
    }
}
