package millrace.peer.generator;

import java.util.Arrays;
import java.util.function.Supplier;

/** The strings of the events, prepared once: the counterpart of {@code text-pools.ts}, which says what they are. */
public final class TextPools {
    public static final int POOL_LENGTH = 1_024;
    static final int COLD_CHANNELS = 10_000;
    static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};

    private static final String[] FIRST_NAMES =
            "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter".split(",");
    private static final String[] LAST_NAMES =
            "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris".split(",");

    private static final int NUMBER_BYTES = 8;
    private static final int BID_NUMBERS = 4;
    private static final int AUCTION_NUMBERS = 7;
    private static final int PERSON_NUMBERS = 2;

    public final String[] channels = new String[HOT_CHANNELS.length + COLD_CHANNELS];
    public final String[] urls = new String[channels.length];
    public final String[] bidExtras;
    public final String[] itemNames;
    public final String[] descriptions;
    public final String[] auctionExtras;
    public final String[] names;
    public final String[] emailAddresses;
    public final String[] creditCards;
    public final String[] cities =
            "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",");
    public final String[] states = "AZ,CA,ID,OR,WA,WY".split(",");
    public final String[] personExtras;

    private final DrawSequence draws = new DrawSequence(0x4e65_786d);

    public TextPools(NexmarkOptions options) {
        int hot = HOT_CHANNELS.length;
        for (int i = 0; i < hot; i++) {
            channels[i] = HOT_CHANNELS[i];
            urls[i] = baseUrl();
        }
        for (int i = 0; i < COLD_CHANNELS; i++) {
            channels[hot + i] = "channel-" + i;
            String base = baseUrl();
            urls[hot + i] = draws.below(10) > 0 ? base + "&channel_id=" + (Integer.reverse(i) >>> 1) : base;
        }
        itemNames = pool(() -> words(20, ' '));
        descriptions = pool(() -> words(100, ' '));
        names = new String[FIRST_NAMES.length * LAST_NAMES.length];
        for (int i = 0; i < names.length; i++) {
            names[i] = FIRST_NAMES[i / LAST_NAMES.length] + " " + LAST_NAMES[i % LAST_NAMES.length];
        }
        emailAddresses = pool(() -> words(7, '_') + "@" + words(5, '_') + ".com");
        creditCards = pool(this::creditCard);
        int auctionText = averageUnits(itemNames) + averageUnits(descriptions);
        int personText = averageUnits(names) + averageUnits(emailAddresses) + averageUnits(creditCards)
                + averageUnits(cities) + averageUnits(states);
        bidExtras = extras(options.averageBidBytes - BID_NUMBERS * NUMBER_BYTES);
        auctionExtras = extras(options.averageAuctionBytes - AUCTION_NUMBERS * NUMBER_BYTES - auctionText);
        personExtras = extras(options.averagePersonBytes - PERSON_NUMBERS * NUMBER_BYTES - personText);
    }

    private static String[] pool(Supplier<String> draw) {
        String[] strings = new String[POOL_LENGTH];
        for (int i = 0; i < POOL_LENGTH; i++) {
            strings[i] = draw.get();
        }
        return strings;
    }

    private String[] extras(int units) {
        int wanted = Math.max(0, units);
        int delta = wanted / 5;
        return pool(() -> letters(wanted - delta + draws.below(2 * delta + 1)));
    }

    private String letters(int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            text.append((char) ('a' + draws.below(26)));
        }
        return text.toString();
    }

    private String words(int maxLength, char separator) {
        int length = 3 + draws.below(maxLength - 3);
        StringBuilder text = new StringBuilder(length);
        for (int at = 0; at < length; at++) {
            boolean isSeparator = draws.below(13) == 0 && at > 0 && at < length - 1;
            char letter = (char) ('a' + draws.below(26));
            text.append(isSeparator ? separator : letter);
        }
        return text.toString();
    }

    private String baseUrl() {
        String a = words(5, '_');
        String b = words(5, '_');
        String c = words(5, '_');
        return "https://www.nexmark.com/" + a + "/" + b + "/" + c + "/item.htm?query=1";
    }

    private String creditCard() {
        StringBuilder text = new StringBuilder(19);
        for (int i = 0; i < 4; i++) {
            text.append(i == 0 ? "" : " ").append(String.format("%04d", draws.below(10_000)));
        }
        return text.toString();
    }

    private static int averageUnits(String[] strings) {
        return Arrays.stream(strings).mapToInt(String::length).sum() / strings.length;
    }
}
