package millrace.peer.generator;

import java.io.Serializable;

/** The counterpart of {@code NexmarkOptions} in {@code nexmark-generator.ts}, which describes them; same defaults. */
public final class NexmarkOptions implements Serializable {
    private static final long serialVersionUID = 1;

    public int seed = 1;
    public long eventsPerSecond = 10_000;
    public long baseTimeMs = 1_436_918_400_000L;
    public long outOfOrderGroupSize = 1;
    public int hotAuctionRatio = 2;
    public int hotBidderRatio = 4;
    public int hotSellerRatio = 4;
    public int inFlightAuctions = 100;
    public int activePeople = 1_000;
    public int averagePersonBytes = 200;
    public int averageAuctionBytes = 500;
    public int averageBidBytes = 100;
}
