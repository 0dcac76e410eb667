package millrace.peer.generator;

import static millrace.peer.generator.IntegerHash.chosen;
import static millrace.peer.generator.IntegerHash.hashIndex;
import static millrace.peer.generator.IntegerHash.mix32;
import static millrace.peer.generator.IntegerHash.pick16;
import static millrace.peer.generator.IntegerHash.pick32;
import static millrace.peer.generator.Prices.priceOf;

import millrace.peer.model.Auction;
import millrace.peer.model.Bid;
import millrace.peer.model.Event;
import millrace.peer.model.Person;

/**
 * The event generator of the Nexmark benchmark: the counterpart of {@code nexmark-generator.ts}, which describes it. A
 * golden test holds the two together.
 *
 * <p>Strings are chosen by their place in {@link TextPools}, so that a caller can take them in the form it needs, and a
 * bid is computed into fields, so that it can become a POJO or a row of a table without a detour.
 */
public final class NexmarkGenerator {
    public static final int EVENTS_PER_GROUP = 50;
    static final int PERSONS_PER_GROUP = 1;
    static final int AUCTIONS_PER_GROUP = 3;
    public static final int FIRST_BID_OF_GROUP = PERSONS_PER_GROUP + AUCTIONS_PER_GROUP;

    private static final long FIRST_PERSON_ID = 1_000;
    public static final long FIRST_AUCTION_ID = 1_000;
    private static final int FIRST_CATEGORY = 10;
    private static final int CATEGORIES = 5;
    private static final int ID_LEAD = 10;
    private static final int HOT_EVERY = 100;
    private static final int SHUFFLE = 953;

    private static final int DRAW_A = 0x3c6ef372;
    private static final int DRAW_B = 0x1b873593;
    private static final int DRAW_C = 0x5f356495;
    private static final int DRAW_D = 0x78dde6e4;
    private static final int DRAW_E = 0x452821e6;

    public final TextPools pools;

    private final NexmarkOptions options;
    private final int seedHash;
    private final long horizonEvents;

    public NexmarkGenerator(NexmarkOptions options) {
        this.options = options;
        pools = new TextPools(options);
        seedHash = mix32(options.seed);
        horizonEvents = (long) options.inFlightAuctions * EVENTS_PER_GROUP / AUCTIONS_PER_GROUP;
        if (options.outOfOrderGroupSize % SHUFFLE == 0) {
            throw new IllegalArgumentException("A group of a multiple of " + SHUFFLE + " is not shuffled");
        }
    }

    /** The event of a number, as the union that a stream of all events has. */
    public Event eventAt(long index) {
        long number = numberOf(index);
        long group = number / EVENTS_PER_GROUP;
        int place = (int) (number - group * EVENTS_PER_GROUP);
        Event event = new Event();
        if (place >= FIRST_BID_OF_GROUP) {
            event.type = Event.BID;
            event.bid = bidAt(number, group);
        } else if (place < PERSONS_PER_GROUP) {
            event.type = Event.PERSON;
            event.person = personAt(number, group);
        } else {
            event.type = Event.AUCTION;
            event.auction = auctionAt(number, group, place - PERSONS_PER_GROUP);
        }
        return event;
    }

    /** Which event, after shuffling, has the given place in the stream. */
    public long numberOf(long index) {
        long size = options.outOfOrderGroupSize;
        return size == 1 ? index : index - index % size + (index * SHUFFLE) % size;
    }

    public Bid bidAt(long number, long group) {
        BidDraw draw = new BidDraw();
        drawBid(number, group, timeOf(number), draw);
        Bid bid = new Bid();
        bid.auction = draw.auction;
        bid.bidder = draw.bidder;
        bid.price = draw.price;
        bid.channel = pools.channels[draw.channel];
        bid.url = pools.urls[draw.channel];
        bid.dateTime = draw.dateTime;
        bid.extra = pools.bidExtras[draw.extra];
        return bid;
    }

    /** A bid with its strings as places in the pools. */
    public static final class BidDraw {
        public long auction;
        public long bidder;
        public long price;
        public int channel;
        public long dateTime;
        public int extra;
    }

    public void drawBid(long number, long group, long dateTime, BidDraw draw) {
        int hash = hashIndex(number, seedHash);
        int a = mix32(hash ^ DRAW_A);
        int b = mix32(hash ^ DRAW_B);
        int d = mix32(hash ^ DRAW_D);
        draw.auction = biddenAuction(a, group * AUCTIONS_PER_GROUP + AUCTIONS_PER_GROUP - 1);
        draw.bidder = chosen(
                hotMask(b, options.hotBidderRatio), hotOne(group) + 1 + FIRST_PERSON_ID, activePerson(b, group));
        draw.price = priceOf(mix32(hash ^ DRAW_C));
        int cold = TextPools.HOT_CHANNELS.length + pick16(d, TextPools.COLD_CHANNELS);
        draw.channel = (int) chosen(-(d & 1), cold, (d >>> 16) & 3);
        draw.dateTime = dateTime;
        draw.extra = (d >>> 1) & (TextPools.POOL_LENGTH - 1);
    }

    public Auction auctionAt(long number, long group, int place) {
        int hash = hashIndex(number, seedHash);
        int a = mix32(hash ^ DRAW_A);
        int d = mix32(hash ^ DRAW_D);
        int e = mix32(hash ^ DRAW_E);
        Auction auction = new Auction();
        auction.id = group * AUCTIONS_PER_GROUP + place + FIRST_AUCTION_ID;
        auction.itemName = pools.itemNames[d & (TextPools.POOL_LENGTH - 1)];
        auction.description = pools.descriptions[(d >>> 10) & (TextPools.POOL_LENGTH - 1)];
        auction.initialBid = priceOf(mix32(hash ^ DRAW_B));
        auction.reserve = auction.initialBid + priceOf(mix32(hash ^ DRAW_C));
        auction.dateTime = timeOf(number);
        long horizonMs = timeOf(number + horizonEvents) - auction.dateTime;
        auction.expires = auction.dateTime + 1 + pick32(e, Math.max(1, 2 * horizonMs));
        auction.seller =
                chosen(hotMask(a, options.hotSellerRatio), hotOne(group) + FIRST_PERSON_ID, activePerson(a, group));
        auction.category = FIRST_CATEGORY + pick16(mix32(e), CATEGORIES);
        auction.extra = pools.auctionExtras[d >>> 22];
        return auction;
    }

    public Person personAt(long number, long group) {
        int hash = hashIndex(number, seedHash);
        int a = mix32(hash ^ DRAW_A);
        int b = mix32(hash ^ DRAW_B);
        int d = mix32(hash ^ DRAW_D);
        Person person = new Person();
        person.id = group + FIRST_PERSON_ID;
        person.name = pools.names[pick16(a, pools.names.length)];
        person.emailAddress = pools.emailAddresses[d & (TextPools.POOL_LENGTH - 1)];
        person.creditCard = pools.creditCards[(d >>> 10) & (TextPools.POOL_LENGTH - 1)];
        person.city = pools.cities[pick16(b, pools.cities.length)];
        person.state = pools.states[pick16(b << 16, pools.states.length)];
        person.dateTime = timeOf(number);
        person.extra = pools.personExtras[d >>> 22];
        return person;
    }

    public long timeOf(long number) {
        return options.baseTimeMs + number * 1_000 / options.eventsPerSecond;
    }

    /** A hash of its own for each record of another shape. */
    public int hashOf(long index) {
        return hashIndex(index, seedHash);
    }

    private long biddenAuction(int hash, long last) {
        long first = Math.max(last - options.inFlightAuctions, 0);
        long cold = first + pick16(hash, (int) (last - first) + 1 + ID_LEAD);
        return FIRST_AUCTION_ID + chosen(hotMask(hash, options.hotAuctionRatio), hotOne(last), cold);
    }

    private long activePerson(int hash, long last) {
        long active = Math.min(last + 1, options.activePeople);
        return last + 1 - active + pick16(hash, (int) active + ID_LEAD) + FIRST_PERSON_ID;
    }

    private static int hotMask(int hash, int ratio) {
        return -(((hash & 0xffff) * ratio) >>> 16) >> 31;
    }

    private static long hotOne(long last) {
        return last / HOT_EVERY * HOT_EVERY;
    }
}
