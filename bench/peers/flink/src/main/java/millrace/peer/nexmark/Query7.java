package millrace.peer.nexmark;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.util.Collector;

/** The highest bids of every 10 seconds, all of them when several are equal. */
final class Query7 {
    private Query7() {}

    static void build(DataStream<Bid> bids) {
        bids.windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
                .aggregate(new HighestBids(), Types.LIST(Types.POJO(Bid.class)), Types.LIST(Types.POJO(Bid.class)))
                .flatMap((List<Bid> highest, Collector<Bid> out) -> highest.forEach(out::collect))
                .returns(Bid.class)
                .sinkTo(new DigestSink<>(Query7::mix));
    }

    private static int mix(Bid bid) {
        int hash = mixInteger(ROW_START, bid.auction);
        hash = mixInteger(hash, bid.bidder);
        hash = mixInteger(hash, bid.price);
        hash = mixInteger(hash, bid.dateTime);
        return mixString(hash, bid.extra);
    }

    /** Keeps bids of one price, the highest one so far. */
    private static final class HighestBids implements AggregateFunction<Bid, List<Bid>, List<Bid>> {
        private static final long serialVersionUID = 1;

        @Override
        public List<Bid> createAccumulator() {
            return new ArrayList<>();
        }

        @Override
        public List<Bid> add(Bid bid, List<Bid> highest) {
            if (!highest.isEmpty()) {
                long price = highest.get(0).price;
                if (bid.price < price) {
                    return highest;
                }
                if (bid.price > price) {
                    highest.clear();
                }
            }
            highest.add(bid);
            return highest;
        }

        @Override
        public List<Bid> getResult(List<Bid> highest) {
            return highest;
        }

        @Override
        public List<Bid> merge(List<Bid> a, List<Bid> b) {
            b.forEach(bid -> add(bid, a));
            return a;
        }
    }
}
