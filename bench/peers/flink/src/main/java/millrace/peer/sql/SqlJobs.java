package millrace.peer.sql;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import millrace.peer.Arguments;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** Runs the text {@code sql/NAME.sql} and digests its rows. */
public final class SqlJobs {
    private SqlJobs() {}

    public static void run(String name, Arguments arguments, StreamExecutionEnvironment env) throws Exception {
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        tables.getConfig().set("table.local-time-zone", "UTC");
        for (String statement : textOf("tables", arguments).split(";")) {
            if (!statement.isBlank()) {
                tables.executeSql(statement);
            }
        }
        tables.sqlQuery(textOf(name, arguments))
                .insertInto(TableDescriptor.forConnector(DigestTableFactory.IDENTIFIER)
                        .build())
                .execute()
                .await();
    }

    private static String textOf(String name, Arguments arguments) {
        try (InputStream input = SqlJobs.class.getResourceAsStream("/sql/" + name + ".sql")) {
            if (input == null) {
                throw new IllegalArgumentException("There is no SQL text for " + name);
            }
            return new String(input.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("${arguments}", arguments.asLine())
                    .replace("${watermarkDelaySeconds}", seconds(arguments.watermarkDelayMs()))
                    .replace("${size}", interval(arguments.sizeMs()))
                    .replace("${slide}", interval(arguments.slideMs()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String interval(long ms) {
        return "INTERVAL '" + seconds(ms) + "' SECOND(6, 3)";
    }

    private static String seconds(long ms) {
        return ms % 1_000 == 0 ? String.valueOf(ms / 1_000) : String.format("%d.%03d", ms / 1_000, ms % 1_000);
    }
}
