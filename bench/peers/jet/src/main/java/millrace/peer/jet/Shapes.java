package millrace.peer.jet;

import static com.hazelcast.jet.Traversers.traverseIterable;
import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;

import com.hazelcast.jet.aggregate.AggregateOperation;
import com.hazelcast.jet.aggregate.AggregateOperation1;
import com.hazelcast.jet.aggregate.AggregateOperations;
import com.hazelcast.jet.datamodel.KeyedWindowResult;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.StreamStage;
import com.hazelcast.jet.pipeline.WindowDefinition;
import java.util.ArrayList;
import millrace.peer.Arguments;
import millrace.peer.model.Bid;

/** The shapes in the Pipeline API. {@code bench/shapes/README.md} defines them and their rows. */
final class Shapes {
    private Shapes() {}

    static Pipeline pipeline(String shape, Arguments arguments) {
        Pipeline pipeline = Pipeline.create();
        StreamStage<Bid> bids = pipeline.readFrom(BidSourceProcessor.source(arguments))
                .withTimestamps(bid -> bid.dateTime, arguments.watermarkDelayMs());
        WindowDefinition sliding = WindowDefinition.sliding(arguments.sizeMs(), arguments.slideMs());
        switch (shape) {
            case "chain" -> bids.filter(bid -> bid.price >= 1_000)
                    .map(Shapes::converted)
                    .map(Shapes::feeOf)
                    .writeTo(DigestSink.of(Shapes::mixFee));
            case "keyed-tumbling" -> counts(bids, WindowDefinition.tumbling(arguments.sizeMs()))
                    .writeTo(DigestSink.of(Shapes::mixCount));
            case "sliding" -> counts(bids, sliding).writeTo(DigestSink.of(Shapes::mixCount));
            case "sliding-best" -> counts(bids, sliding)
                    // One window ends with each slide.
                    .window(WindowDefinition.tumbling(arguments.slideMs()))
                    .aggregate(highest())
                    .flatMap(best -> traverseIterable(best.result()))
                    .writeTo(DigestSink.of(Shapes::mixCount));
            case "running-sum" -> bids.groupingKey(bid -> bid.auction)
                    .rollingAggregate(AggregateOperations.summingLong(bid -> bid.price))
                    .writeTo(DigestSink.of(row -> mixInteger(mixInteger(ROW_START, row.getKey()), row.getValue())));
            default -> throw new IllegalArgumentException("There is no shape " + shape);
        }
        return pipeline;
    }

    private static StreamStage<KeyedWindowResult<Long, Long>> counts(StreamStage<Bid> bids, WindowDefinition windows) {
        return bids.groupingKey(bid -> bid.auction).window(windows).aggregate(AggregateOperations.counting());
    }

    /** The rows of the largest count, all that share it. */
    private static AggregateOperation1<
                    KeyedWindowResult<Long, Long>,
                    ArrayList<KeyedWindowResult<Long, Long>>,
                    ArrayList<KeyedWindowResult<Long, Long>>>
            highest() {
        return AggregateOperation.withCreate(ArrayList<KeyedWindowResult<Long, Long>>::new)
                .<KeyedWindowResult<Long, Long>>andAccumulate(Shapes::keepHighest)
                .andCombine((best, others) -> others.forEach(row -> keepHighest(best, row)))
                .andExportFinish(ArrayList::new);
    }

    private static void keepHighest(
            ArrayList<KeyedWindowResult<Long, Long>> best, KeyedWindowResult<Long, Long> row) {
        long more = best.isEmpty() ? 0 : row.result() - best.get(0).result();
        if (more < 0) {
            return;
        }
        if (more > 0) {
            best.clear();
        }
        best.add(row);
    }

    private record Converted(long auction, long bidder, long cents, long dateTime) {}

    private record Fee(long auction, long bidder, long fee, long dateTime) {}

    private static Converted converted(Bid bid) {
        return new Converted(bid.auction, bid.bidder, bid.price * 908 / 1_000, bid.dateTime);
    }

    private static Fee feeOf(Converted row) {
        return new Fee(row.auction, row.bidder, row.cents / 50, row.dateTime);
    }

    private static int mixFee(Fee row) {
        int hash = mixInteger(ROW_START, row.auction);
        hash = mixInteger(hash, row.bidder);
        hash = mixInteger(hash, row.fee);
        return mixInteger(hash, row.dateTime);
    }

    private static int mixCount(KeyedWindowResult<Long, Long> row) {
        return mixInteger(mixInteger(mixInteger(ROW_START, row.key()), row.end()), row.result());
    }
}
