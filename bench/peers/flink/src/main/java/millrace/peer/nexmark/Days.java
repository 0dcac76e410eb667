package millrace.peer.nexmark;

import java.io.Serializable;
import java.time.LocalDate;

/** Days and minutes (UTC) as text. A stream stays in a day for long, so its text is made once. */
final class Days implements Serializable {
    private static final long serialVersionUID = 1;
    private static final long DAY_MS = 86_400_000;
    private static final String[] MINUTES = new String[1_440];

    static {
        for (int minute = 0; minute < MINUTES.length; minute++) {
            MINUTES[minute] = String.format("%02d:%02d", minute / 60, minute % 60);
        }
    }

    private long day = Long.MIN_VALUE;
    private String text;

    /** Days since the epoch: a key that costs less than a text. */
    static long dayOf(long dateTime) {
        return Math.floorDiv(dateTime, DAY_MS);
    }

    static int minuteOf(long dateTime) {
        return (int) (Math.floorMod(dateTime, DAY_MS) / 60_000);
    }

    static String minuteText(int minute) {
        return MINUTES[minute];
    }

    String dayText(long ofDay) {
        if (ofDay != day) {
            day = ofDay;
            text = LocalDate.ofEpochDay(ofDay).toString();
        }
        return text;
    }
}
