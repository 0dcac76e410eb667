package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.streaming.api.datastream.DataStream;

/** The bids on some auctions. */
final class Query2 {
    private Query2() {}

    public static class AuctionPrice {
        public long auction;
        public long price;
    }

    static void build(DataStream<Bid> bids) {
        bids.filter(bid -> bid.auction % 123 == 0)
                .map(Query2::priceOf)
                .sinkTo(new DigestSink<>(row -> mixInteger(mixInteger(ROW_START, row.auction), row.price)));
    }

    private static AuctionPrice priceOf(Bid bid) {
        AuctionPrice row = new AuctionPrice();
        row.auction = bid.auction;
        row.price = bid.price;
        return row;
    }
}
