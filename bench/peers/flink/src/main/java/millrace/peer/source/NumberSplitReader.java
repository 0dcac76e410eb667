package millrace.peer.source;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import millrace.peer.Measurement;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;

/** Emits one record for each call, as Flink asks of a reader. */
final class NumberSplitReader<T> implements SourceReader<T, NumberSplit> {
    private final RecordMaker<T> maker;
    private final long events;
    private final CompletableFuture<Void> available = new CompletableFuture<>();
    private NumberSplit split;
    private long next;
    private boolean hasAllSplits;

    NumberSplitReader(RecordMaker<T> maker, long events) {
        this.maker = maker;
        this.events = events;
    }

    @Override
    public void start() {
        maker.open();
        Measurement.markSetup();
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> output) {
        if (split != null && next < events) {
            output.collect(maker.make(next));
            next += split.step;
            return InputStatus.MORE_AVAILABLE;
        }
        return hasAllSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public List<NumberSplit> snapshotState(long checkpointId) {
        return split == null ? List.of() : List.of(new NumberSplit(split.first, split.step, next));
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return available;
    }

    @Override
    public void addSplits(List<NumberSplit> splits) {
        // One after the other they would hold watermarks back or make records late.
        if (split != null || splits.size() != 1) {
            throw new IllegalStateException("A reader takes one split");
        }
        split = splits.get(0);
        next = split.next;
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        hasAllSplits = true;
        available.complete(null);
    }

    @Override
    public void close() {}
}
