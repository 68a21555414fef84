/**
 * A text to train on: two traditional English cumulative rhymes, "This is the house that Jack built" (printed 1755) and
 * "The twelve days of Christmas" (printed 1780; wording of 1909). Each verse repeats the one before, so that a very small
 * model has something to find.
 */
export const rhymes = `This is the house that Jack built.

This is the malt,
That lay in the house that Jack built.

This is the rat,
That ate the malt,
That lay in the house that Jack built.

This is the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the maiden all forlorn,
That milked the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the man all tattered and torn,
That kissed the maiden all forlorn,
That milked the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the priest all shaven and shorn,
That married the man all tattered and torn,
That kissed the maiden all forlorn,
That milked the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the cock that crowed in the morn,
That waked the priest all shaven and shorn,
That married the man all tattered and torn,
That kissed the maiden all forlorn,
That milked the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

This is the farmer sowing his corn,
That kept the cock that crowed in the morn,
That waked the priest all shaven and shorn,
That married the man all tattered and torn,
That kissed the maiden all forlorn,
That milked the cow with the crumpled horn,
That tossed the dog,
That worried the cat,
That killed the rat,
That ate the malt,
That lay in the house that Jack built.

On the first day of Christmas
my true love gave to me
a partridge in a pear tree.

On the second day of Christmas
my true love gave to me
two turtle doves,
and a partridge in a pear tree.

On the third day of Christmas
my true love gave to me
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the fourth day of Christmas
my true love gave to me
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the fifth day of Christmas
my true love gave to me
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the sixth day of Christmas
my true love gave to me
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the seventh day of Christmas
my true love gave to me
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the eighth day of Christmas
my true love gave to me
eight maids a-milking,
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the ninth day of Christmas
my true love gave to me
nine ladies dancing,
eight maids a-milking,
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the tenth day of Christmas
my true love gave to me
ten lords a-leaping,
nine ladies dancing,
eight maids a-milking,
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the eleventh day of Christmas
my true love gave to me
eleven pipers piping,
ten lords a-leaping,
nine ladies dancing,
eight maids a-milking,
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.

On the twelfth day of Christmas
my true love gave to me
twelve drummers drumming,
eleven pipers piping,
ten lords a-leaping,
nine ladies dancing,
eight maids a-milking,
seven swans a-swimming,
six geese a-laying,
five gold rings,
four calling birds,
three French hens,
two turtle doves,
and a partridge in a pear tree.
`;
