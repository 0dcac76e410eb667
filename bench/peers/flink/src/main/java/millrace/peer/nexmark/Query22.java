package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.streaming.api.datastream.DataStream;

/** Every bid with the folders of its URL. */
final class Query22 {
    private Query22() {}

    public static class BidFolders {
        public long auction;
        public long bidder;
        public long price;
        public String channel;
        public String dir1;
        public String dir2;
        public String dir3;
    }

    static void build(DataStream<Bid> bids) {
        bids.map(Query22::foldersOf).sinkTo(new DigestSink<>(Query22::mix));
    }

    private static BidFolders foldersOf(Bid bid) {
        String[] parts = bid.url.split("/");
        BidFolders row = new BidFolders();
        row.auction = bid.auction;
        row.bidder = bid.bidder;
        row.price = bid.price;
        row.channel = bid.channel;
        row.dir1 = parts[3];
        row.dir2 = parts[4];
        row.dir3 = parts[5];
        return row;
    }

    private static int mix(BidFolders row) {
        int hash = mixInteger(ROW_START, row.auction);
        hash = mixInteger(hash, row.bidder);
        hash = mixInteger(hash, row.price);
        hash = mixString(hash, row.channel);
        hash = mixString(hash, row.dir1);
        hash = mixString(hash, row.dir2);
        return mixString(hash, row.dir3);
    }
}
