package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.streaming.api.datastream.DataStream;

/** Every bid as it is: what it costs to pass records through. */
final class Query0 {
    private Query0() {}

    static void build(DataStream<Bid> bids) {
        bids.sinkTo(new DigestSink<>(Query0::mix));
    }

    private static int mix(Bid bid) {
        int hash = mixInteger(ROW_START, bid.auction);
        hash = mixInteger(hash, bid.bidder);
        hash = mixInteger(hash, bid.price);
        hash = mixInteger(hash, bid.dateTime);
        return mixString(hash, bid.extra);
    }
}
