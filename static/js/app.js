// What every page has. Pages ask for more with {% module "name" %}.
import "app/request";
import "app/swap";
import "app/toast";
import "app/sign-in";
import "app/whole-page";
import "app/copy";
import "app/dialogs";
import "app/time-ago";
import "app/keys";
import "app/bundles";
import "app/palette";
