package millrace.peer;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixBoolean;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixNull;
import static millrace.peer.digest.RowDigest.mixString;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.function.LongFunction;
import millrace.peer.digest.RowDigest;
import millrace.peer.generator.BidGenerator;
import millrace.peer.generator.ChangeGenerator;
import millrace.peer.generator.NexmarkGenerator;
import millrace.peer.generator.NexmarkOptions;
import millrace.peer.model.Auction;
import millrace.peer.model.Bid;
import millrace.peer.model.Change;
import millrace.peer.model.Event;
import millrace.peer.model.Person;
import millrace.peer.shapes.Shapes;
import millrace.peer.shapes.WideMaker;
import org.junit.jupiter.api.Test;

/** Digest and generators give what the TypeScript ones give; the digests are those of the tests in {@code test/bench}. */
class GoldenTest {
    private static final int EVENTS = 100_000;
    private static final int RECORDS = 20_000;

    @Test
    void rowDigest() {
        RowDigest digest = new RowDigest();
        long[] integers = {
            0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1L << 32, (1L << 53) - 1, 1 - (1L << 53), 1_436_918_400_000L,
        };
        for (long value : integers) {
            digest.add(mixInteger(ROW_START, value));
        }
        double[] doubles = {
            0, 0.1 + 0.2, -1 / 3.0, 1e-12, 123_456.789_012_345, 9_999_999_999.5, 1e10, 2 / 3e-10, 9.999_999_999_96e21,
        };
        for (double value : doubles) {
            digest.add(mixDouble(ROW_START, value));
        }
        String[] strings = {"", "a", "ab", "abc", "Äöü", "😀", "a longer text of several words"};
        for (String value : strings) {
            digest.add(mixString(ROW_START, value));
        }
        digest.add(mixNull(mixBoolean(mixBoolean(ROW_START, true), false)));
        assertEquals("d8876210476432b9", digest.toString());
        assertEquals(26, digest.rows);
    }

    @Test
    void events() {
        assertEquals("27aa15076fa8ed8e", digestOfEvents(EVENTS, 0, new NexmarkOptions()));
        NexmarkOptions options = new NexmarkOptions();
        options.seed = 7;
        options.eventsPerSecond = 123_457;
        options.baseTimeMs = 1_436_918_395_000L;
        options.outOfOrderGroupSize = 1_000;
        assertEquals("1846a38b85b02dee", digestOfEvents(EVENTS, 0, options));
        assertEquals("31133c391323a2af", digestOfEvents(1_000, 5_000_000_000L, new NexmarkOptions()));
    }

    @Test
    void bids() {
        BidGenerator ofNexmark = new BidGenerator(new NexmarkOptions(), 0);
        assertEquals("cc50db342303065e", digestOf(index -> ofNexmark.bidAt(index), GoldenTest::mix));
        BidGenerator ofKeys = new BidGenerator(new NexmarkOptions(), 10_000_000);
        assertEquals("7f5e96fa3d5f0f1b", digestOf(index -> ofKeys.bidAt(index), GoldenTest::mix));
    }

    @Test
    void changes() {
        ChangeGenerator uniform = new ChangeGenerator(1, 5_000, 0);
        assertEquals("0b6401fbd8713f15", digestOf(index -> uniform.changeAt(index), GoldenTest::mix));
        ChangeGenerator skewed = new ChangeGenerator(7, 5_000_000, 0.99);
        assertEquals("4a2dd524a1c8c24b", digestOf(index -> skewed.changeAt(5_000_000 + index), GoldenTest::mix));
    }

    @Test
    void wideRecords() {
        assertEquals("ea35086d75b5647f", digestOfWide("3"));
        assertEquals("d975042be40a1a59", digestOfWide("10"));
        assertEquals("51f5a3ece9849d6c", digestOfWide("30"));
        assertEquals("88a1303082b43f35", digestOfWide("60"));
    }

    private static String digestOfWide(String fields) {
        WideMaker<?> maker = Shapes.wideMaker(Arguments.parse("--fields", fields));
        maker.open();
        return digestOf(index -> maker.make(index), record -> record.mix());
    }

    private static <T> String digestOf(LongFunction<T> recordAt, java.util.function.ToIntFunction<T> mix) {
        RowDigest digest = new RowDigest();
        for (long index = 0; index < RECORDS; index++) {
            digest.add(mix.applyAsInt(recordAt.apply(index)));
        }
        return digest.toString();
    }

    private static String digestOfEvents(int count, long from, NexmarkOptions options) {
        NexmarkGenerator generator = new NexmarkGenerator(options);
        RowDigest digest = new RowDigest();
        for (long index = from; index < from + count; index++) {
            Event event = generator.eventAt(index);
            digest.add(event.type == Event.BID ? mix(event.bid)
                    : event.type == Event.AUCTION ? mix(event.auction) : mix(event.person));
        }
        return digest.toString();
    }

    private static int mix(Change change) {
        return mixInteger(mixInteger(ROW_START, change.key), change.amount);
    }

    private static int mix(Person person) {
        int hash = mixInteger(mixInteger(ROW_START, Event.PERSON), person.id);
        hash = mixString(hash, person.name);
        hash = mixString(hash, person.emailAddress);
        hash = mixString(hash, person.creditCard);
        hash = mixString(hash, person.city);
        hash = mixString(hash, person.state);
        hash = mixInteger(hash, person.dateTime);
        return mixString(hash, person.extra);
    }

    private static int mix(Auction auction) {
        int hash = mixInteger(mixInteger(ROW_START, Event.AUCTION), auction.id);
        hash = mixString(hash, auction.itemName);
        hash = mixString(hash, auction.description);
        hash = mixInteger(hash, auction.initialBid);
        hash = mixInteger(hash, auction.reserve);
        hash = mixInteger(hash, auction.dateTime);
        hash = mixInteger(hash, auction.expires);
        hash = mixInteger(hash, auction.seller);
        hash = mixInteger(hash, auction.category);
        return mixString(hash, auction.extra);
    }

    private static int mix(Bid bid) {
        int hash = mixInteger(mixInteger(ROW_START, Event.BID), bid.auction);
        hash = mixInteger(hash, bid.bidder);
        hash = mixInteger(hash, bid.price);
        hash = mixString(hash, bid.channel);
        hash = mixString(hash, bid.url);
        hash = mixInteger(hash, bid.dateTime);
        return mixString(hash, bid.extra);
    }
}
