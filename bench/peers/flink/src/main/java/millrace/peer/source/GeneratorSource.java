package millrace.peer.source;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * A bounded, replayable source of the records 0 to {@code events - 1}. There are as many splits as subtasks; subtask p of
 * P makes the records p, p + P, …, so that all of them are at about the same event time.
 */
public final class GeneratorSource<T> implements Source<T, NumberSplit, List<NumberSplit>>, ResultTypeQueryable<T> {
    private static final long serialVersionUID = 1;

    private final RecordMaker<T> maker;
    private final long events;

    public GeneratorSource(RecordMaker<T> maker, long events) {
        this.maker = maker;
        this.events = events;
    }

    @Override
    public Boundedness getBoundedness() {
        // Bounded; the job still runs in streaming mode, as a stream without end would.
        return Boundedness.BOUNDED;
    }

    @Override
    public SplitEnumerator<NumberSplit, List<NumberSplit>> createEnumerator(
            SplitEnumeratorContext<NumberSplit> context) {
        int splits = context.currentParallelism();
        return new NumberSplitEnumerator(
                context,
                IntStream.range(0, splits)
                        .mapToObj(first -> new NumberSplit(first, splits, first))
                        .collect(Collectors.toList()));
    }

    @Override
    public SplitEnumerator<NumberSplit, List<NumberSplit>> restoreEnumerator(
            SplitEnumeratorContext<NumberSplit> context, List<NumberSplit> state) {
        return new NumberSplitEnumerator(context, state);
    }

    @Override
    public SourceReader<T, NumberSplit> createReader(SourceReaderContext context) {
        return new NumberSplitReader<>(maker, events);
    }

    @Override
    public SimpleVersionedSerializer<NumberSplit> getSplitSerializer() {
        return new NumberSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<NumberSplit>> getEnumeratorCheckpointSerializer() {
        return new NumberSplitEnumerator.StateSerializer();
    }

    @Override
    public TypeInformation<T> getProducedType() {
        return maker.type();
    }
}
