package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;

import java.time.Duration;
import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import millrace.peer.window.BestOfWindow;
import millrace.peer.window.Counting;
import millrace.peer.window.WithKeyAndWindow;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;

/** The auctions with most bids of the last 10 seconds, every 2 seconds. */
final class Query5 {
    private Query5() {}

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> bid.auction)
                .window(SlidingEventTimeWindows.of(Duration.ofSeconds(10), Duration.ofSeconds(2)))
                .aggregate(new Counting<>(), new WithKeyAndWindow())
                .keyBy(row -> row.windowEnd)
                .process(new BestOfWindow())
                .sinkTo(new DigestSink<>(row -> mixInteger(mixInteger(ROW_START, row.key), row.count)));
    }
}
