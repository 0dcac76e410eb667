package millrace.peer.jet;

import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import java.io.IOException;
import millrace.peer.Arguments;
import millrace.peer.Measurement;
import millrace.peer.digest.DigestTotals;
import millrace.peer.generator.BidGenerator;

/**
 * Runs one shape, or its generator alone, in this process, and prints one line of JSON at the end. README.md lists the
 * arguments and says how Jet is set up.
 */
public final class Main {
    private static final String LOCAL = "127.0.0.1";
    private static final int KEPT = 1_024;

    private Main() {}

    public static void main(String[] words) throws IOException {
        Arguments arguments = Arguments.parse(words);
        String shape = arguments.text("shape", "");
        boolean isGenerator = arguments.text("case", "").equals("generator");
        if (isGenerator) {
            generate(arguments);
        } else {
            run(shape, arguments);
        }
        String name = isGenerator ? "generator-" + shape : shape;
        new Measurement("jet", arguments, name, isGenerator, DigestTotals.total()).print();
    }

    private static void run(String shape, Arguments arguments) {
        HazelcastInstance member = Hazelcast.newHazelcastInstance(configurationOf(arguments));
        try {
            member.getJet().newJob(Shapes.pipeline(shape, arguments), jobConfigOf(shape, arguments)).join();
        } finally {
            member.shutdown();
        }
    }

    /** One member that looks for no others; README.md gives the reasons. */
    private static Config configurationOf(Arguments arguments) {
        Config config = new Config();
        config.setClusterName("millrace-bench-" + ProcessHandle.current().pid());
        config.setProperty("hazelcast.logging.type", "none");
        config.setProperty("hazelcast.phone.home.enabled", "false");
        config.setProperty("hazelcast.socket.bind.any", "false");
        config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface(LOCAL);
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        // The local parallelism of every vertex is that of the threads.
        config.getJetConfig().setEnabled(true).setCooperativeThreadCount(arguments.parallelism());
        return config;
    }

    private static JobConfig jobConfigOf(String shape, Arguments arguments) {
        JobConfig config = new JobConfig().setName(shape);
        long intervalMs = arguments.number("checkpoint-interval-ms", 10_000);
        if (intervalMs > 0) {
            config.setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE).setSnapshotIntervalMillis(intervalMs);
        }
        // Nothing is restarted: an error is to be seen.
        return config.setAutoScaling(false).setSuspendOnFailure(false);
    }

    /** Makes the records and drops them; keeps them for a while, or the compiler could leave the objects out. */
    private static void generate(Arguments arguments) {
        BidGenerator generator = new BidGenerator(arguments.nexmark(), arguments.keys());
        Measurement.markSetup();
        Object[] kept = new Object[KEPT];
        long events = arguments.events();
        for (long index = 0; index < events; index++) {
            kept[(int) index & (KEPT - 1)] = generator.bidAt(index);
        }
    }
}
