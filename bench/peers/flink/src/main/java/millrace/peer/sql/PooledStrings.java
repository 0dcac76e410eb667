package millrace.peer.sql;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;

/**
 * The pools as Flink's own strings, encoded once: a row only refers to them. A generator that made a new string for each
 * row would charge Flink for UTF-8 that the other side does not pay.
 */
final class PooledStrings {
    private PooledStrings() {}

    static StringData[] of(String[] strings) {
        StringData[] pooled = new StringData[strings.length];
        for (int i = 0; i < strings.length; i++) {
            pooled[i] = BinaryStringData.fromBytes(strings[i].getBytes(StandardCharsets.UTF_8));
        }
        return pooled;
    }
}
