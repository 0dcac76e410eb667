package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;

import java.time.Duration;
import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import millrace.peer.window.Counting;
import millrace.peer.window.KeyCount;
import millrace.peer.window.WithKeyAndWindow;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/** How many bids a bidder makes in every 10 seconds of event time. */
final class Query12 {
    private Query12() {}

    static void build(DataStream<Bid> bids) {
        bids.keyBy(bid -> bid.bidder)
                .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
                .aggregate(new Counting<>(), new WithKeyAndWindow())
                .sinkTo(new DigestSink<>(Query12::mix));
    }

    private static int mix(KeyCount row) {
        int hash = mixInteger(ROW_START, row.key);
        hash = mixInteger(hash, row.count);
        hash = mixInteger(hash, row.windowStart);
        return mixInteger(hash, row.windowEnd);
    }
}
