package millrace.peer.nexmark;

import millrace.peer.model.Bid;
import millrace.peer.model.Event;
import org.apache.flink.streaming.api.datastream.DataStream;

/** The queries in the DataStream API, as its documentation teaches it. {@code bench/nexmark/README.md} defines their rows. */
public final class NexmarkQueries {
    private NexmarkQueries() {}

    public static void build(String query, DataStream<Event> events) {
        DataStream<Bid> bids = events.filter(event -> event.type == Event.BID).map(event -> event.bid);
        switch (query) {
            case "q0" -> Query0.build(bids);
            case "q1" -> Query1.build(bids);
            case "q2" -> Query2.build(bids);
            case "q5" -> Query5.build(bids);
            case "q7" -> Query7.build(bids);
            case "q12" -> Query12.build(bids);
            case "q15" -> Query15.build(bids);
            case "q16" -> Query16.build(bids);
            case "q17" -> Query17.build(bids);
            case "q18" -> Query18.build(bids);
            case "q22" -> Query22.build(bids);
            default -> throw new IllegalArgumentException("There is no query " + query);
        }
    }
}
