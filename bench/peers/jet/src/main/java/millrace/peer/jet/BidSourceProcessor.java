package millrace.peer.jet;

import static com.hazelcast.jet.core.BroadcastKey.broadcastKey;

import com.hazelcast.jet.Traverser;
import com.hazelcast.jet.Traversers;
import com.hazelcast.jet.core.AbstractProcessor;
import com.hazelcast.jet.core.BroadcastKey;
import com.hazelcast.jet.core.EventTimeMapper;
import com.hazelcast.jet.core.EventTimePolicy;
import com.hazelcast.jet.core.ProcessorMetaSupplier;
import com.hazelcast.jet.pipeline.Sources;
import com.hazelcast.jet.pipeline.StreamSource;
import millrace.peer.Arguments;
import millrace.peer.Measurement;
import millrace.peer.generator.BidGenerator;
import millrace.peer.model.Bid;

/**
 * A replayable source of bids: processor p of P makes the records p, p + P, …. Cooperative; its snapshot holds its next record and its
 * watermark. When it has no more records the job ends, and what windows hold comes out.
 */
final class BidSourceProcessor extends AbstractProcessor {
    private static final int PARTITION = 0;

    private final Arguments arguments;
    private final EventTimeMapper<Bid> eventTime;
    private final long events;
    private BidGenerator generator;
    private int first;
    private int step;
    private long next;
    private Traverser<?> pending = Traversers.empty();

    private BidSourceProcessor(Arguments arguments, EventTimePolicy<? super Bid> policy) {
        this.arguments = arguments;
        events = arguments.events();
        eventTime = new EventTimeMapper<>(policy);
        eventTime.addPartitions(1);
    }

    static StreamSource<Bid> source(Arguments arguments) {
        return Sources.streamFromProcessorWithWatermarks(
                "bids", false, policy -> ProcessorMetaSupplier.of(() -> new BidSourceProcessor(arguments, policy)));
    }

    @Override
    protected void init(Context context) {
        first = context.globalProcessorIndex();
        step = context.totalParallelism();
        next = first;
        generator = new BidGenerator(arguments.nexmark(), arguments.keys());
        Measurement.markSetup();
    }

    @Override
    public boolean complete() {
        while (emitFromTraverser(pending)) {
            if (next >= events) {
                return true;
            }
            pending = eventTime.flatMapEvent(generator.bidAt(next), PARTITION, EventTimeMapper.NO_NATIVE_TIME);
            next += step;
        }
        return false;
    }

    @Override
    public boolean saveToSnapshot() {
        return emitFromTraverser(pending)
                && tryEmitToSnapshot(broadcastKey(first), new long[] {next, eventTime.getWatermark(PARTITION)});
    }

    @Override
    protected void restoreFromSnapshot(Object key, Object value) {
        if (((BroadcastKey<?>) key).key().equals(first)) {
            next = ((long[]) value)[0];
            eventTime.restoreWatermark(PARTITION, ((long[]) value)[1]);
        }
    }
}
