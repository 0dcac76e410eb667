package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.streaming.api.datastream.DataStream;

/** Every bid with its price in another currency. */
final class Query1 {
    private Query1() {}

    public static class EuroBid {
        public long auction;
        public long bidder;
        public double price;
        public long dateTime;
        public String extra;
    }

    static void build(DataStream<Bid> bids) {
        bids.map(Query1::inEuros).sinkTo(new DigestSink<>(Query1::mix));
    }

    private static EuroBid inEuros(Bid bid) {
        EuroBid row = new EuroBid();
        row.auction = bid.auction;
        row.bidder = bid.bidder;
        row.price = 0.908 * bid.price;
        row.dateTime = bid.dateTime;
        row.extra = bid.extra;
        return row;
    }

    private static int mix(EuroBid row) {
        int hash = mixInteger(ROW_START, row.auction);
        hash = mixInteger(hash, row.bidder);
        hash = mixDouble(hash, row.price);
        hash = mixInteger(hash, row.dateTime);
        return mixString(hash, row.extra);
    }
}
