package millrace.peer.model;

/** The union of all events; two of the three are null. */
public class Event {
    public static final int PERSON = 0;
    public static final int AUCTION = 1;
    public static final int BID = 2;

    public int type;
    public Person person;
    public Auction auction;
    public Bid bid;

    public long timestamp() {
        return type == BID ? bid.dateTime : type == AUCTION ? auction.dateTime : person.dateTime;
    }
}
