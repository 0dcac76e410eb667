package millrace.peer.source;

import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The numbers {@code first}, {@code first + step}, …; {@code next} is the one that comes next. */
public final class NumberSplit implements SourceSplit {
    final int first;
    final int step;
    final long next;

    NumberSplit(int first, int step, long next) {
        this.first = first;
        this.step = step;
        this.next = next;
    }

    @Override
    public String splitId() {
        return "split-" + first;
    }

    static final class Serializer implements SimpleVersionedSerializer<NumberSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(NumberSplit split) {
            return ByteBuffer.allocate(16).putInt(split.first).putInt(split.step).putLong(split.next).array();
        }

        @Override
        public NumberSplit deserialize(int version, byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new NumberSplit(buffer.getInt(), buffer.getInt(), buffer.getLong());
        }
    }
}
