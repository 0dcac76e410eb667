package millrace.peer.generator;

import millrace.peer.generator.NexmarkGenerator.BidDraw;
import millrace.peer.model.Bid;

/** The bids alone, with their auctions as in Nexmark or spread evenly over keys: the counterpart of {@code bid-generator.ts}. */
public final class BidGenerator {
    private static final int BIDS_PER_GROUP = NexmarkGenerator.EVENTS_PER_GROUP - NexmarkGenerator.FIRST_BID_OF_GROUP;
    private static final int DRAW_KEY = 0x6a09e667;

    public final NexmarkGenerator nexmark;
    private final long keys;

    /** {@code keys} is how many auctions there are, or 0 for those of Nexmark. */
    public BidGenerator(NexmarkOptions options, long keys) {
        nexmark = new NexmarkGenerator(options);
        this.keys = keys;
    }

    public Bid bidAt(long index) {
        BidDraw draw = new BidDraw();
        drawBid(index, draw);
        Bid bid = new Bid();
        bid.auction = draw.auction;
        bid.bidder = draw.bidder;
        bid.price = draw.price;
        bid.channel = nexmark.pools.channels[draw.channel];
        bid.url = nexmark.pools.urls[draw.channel];
        bid.dateTime = draw.dateTime;
        bid.extra = nexmark.pools.bidExtras[draw.extra];
        return bid;
    }

    public void drawBid(long index, BidDraw draw) {
        long number = nexmark.numberOf(index);
        long group = number / BIDS_PER_GROUP;
        long place = number - group * BIDS_PER_GROUP;
        long event = group * NexmarkGenerator.EVENTS_PER_GROUP + NexmarkGenerator.FIRST_BID_OF_GROUP + place;
        nexmark.drawBid(event, group, nexmark.timeOf(number), draw);
        if (keys > 0) {
            draw.auction = NexmarkGenerator.FIRST_AUCTION_ID
                    + IntegerHash.pick32(IntegerHash.mix32(nexmark.hashOf(number) ^ DRAW_KEY), keys);
        }
    }
}
