package millrace.peer.model;

/** A person; times are milliseconds since the epoch. */
public class Person {
    public long id;
    public String name;
    public String emailAddress;
    public String creditCard;
    public String city;
    public String state;
    public long dateTime;
    public String extra;
}
