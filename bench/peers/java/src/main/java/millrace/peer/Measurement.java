package millrace.peer;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import millrace.peer.digest.RowDigest;

/** What this process has cost since its start, all threads included, and what it gave. */
public final class Measurement {
    /** CPU time of the process when the first reader started. */
    private static volatile long setupNanos;

    private final String peer;
    private final Arguments arguments;
    private final String name;
    private final boolean isGenerator;
    private final RowDigest digest;

    public Measurement(String peer, Arguments arguments, String name, boolean isGenerator, RowDigest digest) {
        this.peer = peer;
        this.arguments = arguments;
        this.name = name;
        this.isGenerator = isGenerator;
        this.digest = digest;
    }

    /** To be called once everything before the first record is done: the engine's start, planning, generated code. */
    public static synchronized void markSetup() {
        if (setupNanos == 0) {
            setupNanos = cpuNanos();
        }
    }

    private static long cpuNanos() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }

    public void print() throws IOException {
        long startMs = ManagementFactory.getRuntimeMXBean().getStartTime();
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"%s\",\"case\":\"%s\",\"parallelism\":%d,\"events\":%d,\"cpuSeconds\":%.3f,"
                        + "\"setupCpuSeconds\":%.3f,\"wallSeconds\":%.3f,\"peakMemoryBytes\":%s,\"outputs\":%d,\"digest\":\"%s\","
                        + "\"generatorOnly\":%b}%n",
                peer,
                name,
                arguments.parallelism(),
                arguments.events(),
                cpuNanos() / 1e9,
                setupNanos / 1e9,
                (System.currentTimeMillis() - startMs) / 1e3,
                peakMemoryBytes(),
                digest.rows,
                digest,
                isGenerator);
    }

    /** The largest resident size so far, as Linux counts it; null elsewhere. */
    private static String peakMemoryBytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            return "null";
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmHWM:")) {
                return String.valueOf(Long.parseLong(line.replaceAll("[^0-9]", "")) * 1_024);
            }
        }
        return "null";
    }
}
