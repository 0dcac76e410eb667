package millrace.peer;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import millrace.peer.digest.DigestTotals;
import millrace.peer.model.Event;
import millrace.peer.nexmark.NexmarkQueries;
import millrace.peer.shapes.Shapes;
import millrace.peer.source.EventMaker;
import millrace.peer.source.GeneratorSource;
import millrace.peer.sql.SqlJobs;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs one query or shape, or the generator alone, in this process, and prints one line of JSON at the end. README.md
 * lists the arguments and says what is measured.
 */
public final class Main {
    private Main() {}

    public static void main(String[] words) throws Exception {
        Arguments arguments = Arguments.parse(words);
        String query = arguments.text("query", null);
        String shape = arguments.text("shape", null);
        boolean isGenerator = arguments.text("case", "").equals("generator");
        if (isGenerator) {
            GeneratorAlone.run(arguments);
        } else if ((query == null) == (shape == null)) {
            throw new IllegalArgumentException("Give one of --query, --shape and --case generator");
        } else {
            runJob(arguments, query, shape);
        }
        String name = query == null && shape == null ? "events" : nameOf(arguments, query, shape);
        String peer = arguments.isSql() ? "flink-sql" : "flink";
        new Measurement(peer, arguments, isGenerator ? "generator-" + name : name, isGenerator, DigestTotals.total()).print();
    }

    private static void runJob(Arguments arguments, String query, String shape) throws Exception {
        Path checkpoints = Files.createTempDirectory("millrace-flink-");
        try {
            StreamExecutionEnvironment env =
                    StreamExecutionEnvironment.createLocalEnvironment(
                            arguments.parallelism(), configurationOf(arguments, checkpoints));
            if (arguments.isSql()) {
                SqlJobs.run(nameOf(arguments, query, shape), arguments, env);
            } else {
                if (query != null) {
                    NexmarkQueries.build(query, events(arguments, env));
                } else {
                    Shapes.build(shape, arguments, env);
                }
                env.execute();
            }
        } finally {
            delete(checkpoints);
        }
    }

    /** The query or shape with its variant; of a SQL job, the name of its text. */
    private static String nameOf(Arguments arguments, String query, String shape) {
        if ("wide".equals(shape)) {
            return "wide-" + arguments.number("fields", Shapes.WIDE_FIELDS);
        }
        String variant = arguments.text("variant", "");
        String name = query != null ? query : shape;
        return variant.isEmpty() ? name : name + "-" + variant;
    }

    private static DataStream<Event> events(Arguments arguments, StreamExecutionEnvironment env) {
        return env.fromSource(
                new GeneratorSource<>(new EventMaker(arguments.nexmark()), arguments.events()),
                WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofMillis(arguments.watermarkDelayMs()))
                        .withTimestampAssigner((event, previous) -> event.timestamp()),
                "events");
    }

    /** README.md gives the reason for each. */
    private static Configuration configurationOf(Arguments arguments, Path checkpoints) {
        Configuration configuration = new Configuration();
        configuration.setString("execution.runtime-mode", "STREAMING");
        configuration.setString("pipeline.object-reuse", "true");
        configuration.setString("pipeline.generic-types", "false");
        configuration.setString("state.backend.type", "hashmap");
        configuration.setString("restart-strategy.type", "disable");
        configuration.setString("taskmanager.memory.managed.size", "512m");
        configuration.setString("taskmanager.memory.network.min", "128m");
        configuration.setString("taskmanager.memory.network.max", "128m");
        long intervalMs = arguments.number("checkpoint-interval-ms", 10_000);
        if (intervalMs > 0) {
            configuration.setString("execution.checkpointing.interval", intervalMs + " ms");
            configuration.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
            configuration.setString("execution.checkpointing.storage", "filesystem");
            configuration.setString("execution.checkpointing.dir", checkpoints.toUri().toString());
        }
        arguments.configuration.forEach(configuration::setString);
        return configuration;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            List<File> files = paths.sorted(Comparator.reverseOrder()).map(Path::toFile).toList();
            files.forEach(File::delete);
        }
    }
}
