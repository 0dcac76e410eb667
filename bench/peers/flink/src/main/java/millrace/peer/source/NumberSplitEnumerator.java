package millrace.peer.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Gives each reader one split. The state is the list of splits that no reader has. */
final class NumberSplitEnumerator implements SplitEnumerator<NumberSplit, List<NumberSplit>> {
    private final SplitEnumeratorContext<NumberSplit> context;
    private final List<NumberSplit> waiting;

    NumberSplitEnumerator(SplitEnumeratorContext<NumberSplit> context, List<NumberSplit> waiting) {
        this.context = context;
        this.waiting = new ArrayList<>(waiting);
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public void addSplitsBack(List<NumberSplit> splits, int subtask) {
        waiting.addAll(splits);
    }

    @Override
    public void addReader(int subtask) {
        for (NumberSplit split : List.copyOf(waiting)) {
            if (split.first == subtask) {
                waiting.remove(split);
                context.assignSplit(split, subtask);
            }
        }
        context.signalNoMoreSplits(subtask);
    }

    @Override
    public List<NumberSplit> snapshotState(long checkpointId) {
        return List.copyOf(waiting);
    }

    @Override
    public void close() {}

    static final class StateSerializer implements SimpleVersionedSerializer<List<NumberSplit>> {
        private final NumberSplit.Serializer splits = new NumberSplit.Serializer();

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<NumberSplit> state) {
            ByteBuffer buffer = ByteBuffer.allocate(16 * state.size());
            state.forEach(split -> buffer.put(splits.serialize(split)));
            return buffer.array();
        }

        @Override
        public List<NumberSplit> deserialize(int version, byte[] bytes) throws IOException {
            List<NumberSplit> state = new ArrayList<>();
            for (int at = 0; at < bytes.length; at += 16) {
                byte[] one = java.util.Arrays.copyOfRange(bytes, at, at + 16);
                state.add(splits.deserialize(version, one));
            }
            return state;
        }
    }
}
