package millrace.peer;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import millrace.peer.generator.NexmarkOptions;

/** The command line: {@code --name value} pairs. The README of each peer lists what it takes. */
public final class Arguments implements Serializable {
    private static final long serialVersionUID = 1;
    private static final Set<String> NAMES = Set.of(
            "api", "query", "shape", "case", "variant", "events", "parallelism", "seed", "events-per-second",
            "base-time-ms", "out-of-order-group-size", "watermark-delay-ms", "checkpoint-interval-ms", "keys",
            "size-ms", "slide-ms", "fields", "skew", "config");

    private final Map<String, String> values;
    /** Settings of the engine, {@code key=value}, each given by a {@code --config} of its own. */
    public final Map<String, String> configuration = new LinkedHashMap<>();

    private Arguments(Map<String, String> values) {
        this.values = values;
    }

    public static Arguments parse(String... words) {
        Map<String, String> values = new LinkedHashMap<>();
        Arguments arguments = new Arguments(values);
        for (int i = 0; i < words.length; i += 2) {
            String name = words[i].startsWith("--") ? words[i].substring(2) : "";
            if (!NAMES.contains(name) || i + 1 == words.length) {
                throw new IllegalArgumentException("Not an argument with a value: " + words[i]);
            }
            if (name.equals("config")) {
                String[] pair = words[i + 1].split("=", 2);
                arguments.configuration.put(pair[0], pair[1]);
            } else {
                values.put(name, words[i + 1]);
            }
        }
        return arguments;
    }

    /** Back to one line, without the settings of the engine. */
    public String asLine() {
        return values.entrySet().stream()
                .map(entry -> "--" + entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining(" "));
    }

    public String text(String name, String byDefault) {
        return values.getOrDefault(name, byDefault);
    }

    public long number(String name, long byDefault) {
        String value = values.get(name);
        return value == null ? byDefault : Long.parseLong(value);
    }

    public double decimal(String name, double byDefault) {
        String value = values.get(name);
        return value == null ? byDefault : Double.parseDouble(value);
    }

    public boolean isSql() {
        String api = text("api", "datastream");
        if (!api.equals("sql") && !api.equals("datastream")) {
            throw new IllegalArgumentException("--api is datastream or sql, not " + api);
        }
        return api.equals("sql");
    }

    public long events() {
        return number("events", 1_000_000);
    }

    public int parallelism() {
        return (int) number("parallelism", 1);
    }

    public long watermarkDelayMs() {
        return number("watermark-delay-ms", 4_000);
    }

    public long sizeMs() {
        return number("size-ms", 10_000);
    }

    public long slideMs() {
        return number("slide-ms", 2_000);
    }

    /** How many keys the shapes have; 0 is the auctions of Nexmark. A running sum has a million by default. */
    public long keys() {
        return number("keys", text("shape", "").equals("running-sum") ? 1_000_000 : 0);
    }

    public NexmarkOptions nexmark() {
        NexmarkOptions options = new NexmarkOptions();
        options.seed = (int) number("seed", options.seed);
        options.eventsPerSecond = number("events-per-second", options.eventsPerSecond);
        options.baseTimeMs = number("base-time-ms", options.baseTimeMs);
        options.outOfOrderGroupSize = number("out-of-order-group-size", options.outOfOrderGroupSize);
        return options;
    }
}
